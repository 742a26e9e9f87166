import { declareEngineConformance } from '../../src/engines/conformance.ts';
import { sandboxSubject } from './sandbox-subject.ts';

declareEngineConformance(sandboxSubject);
